"""The console's languages: what services say in English, said in Chinese."""
