"""Operations: what people can do. The CLI, the management API and the console only call these.

Every write happens here: in one transaction, with its audit row, and with a new generation of the
registry where a gateway must know of it. Takes an Operator (who acts, and with what) and plain values;
gives JSON-ready documents. Raises OperatorError or NotFound with the way out.
"""
