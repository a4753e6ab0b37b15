"""Room testing: kits that ship with headrace for its own tests and for its users' tests.

Takes and gives real things only, such as an Apache Kafka broker in a child process; nothing here imitates a broker.
"""
