"""Room 1: a pipeline file and the environment to one frozen `Pipeline`.

Takes a YAML file, ``--set`` texts and environment variables; gives values that know their file, line and column, with
secrets wrapped. It knows nothing of SQL, Kafka or state. The door is `headrace.config.load.load`.
"""
