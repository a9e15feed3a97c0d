"""The local stack: real Kafka and PostgreSQL without Docker, topics, migrations and the workers, under one supervisor.

`koc local up` and the tests use `stack.Stack`. It prepares what is missing (jars, binaries) and starts one supervisor
process, which is the direct parent of everything else and outlives nobody: its children get a signal from the kernel
when it dies, and it stops when the process that started it dies before the stack was handed over.
"""
