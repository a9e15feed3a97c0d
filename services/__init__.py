"""The service: kernel, runtime, attribution, settlement and the command line."""
