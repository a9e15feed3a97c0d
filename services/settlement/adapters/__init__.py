"""kafka-python, SQLAlchemy, the relay and files, behind the ports of the use cases."""
