"""What holds for all tests: none of them depends on how fast the machine is."""

from hypothesis import settings

collect_ignore = ["other_systems"]  # importing it takes away what only POSIX systems have

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
