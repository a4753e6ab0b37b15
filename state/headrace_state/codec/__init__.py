"""State room: how rows become bytes and back; rows holds values, keys what they are found by."""
