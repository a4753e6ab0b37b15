"""Plugins room: how a Kafka source reads: where it starts, how far a batch goes, and the thread that reads ahead."""
