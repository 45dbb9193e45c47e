"""What holds for all tests: none of them depends on how fast the machine is."""

import os

from hypothesis import settings

collect_ignore = ["other_systems"]  # importing it takes away what only POSIX systems have

# more examples of every property: HYPOTHESIS_PROFILE=thorough make test
settings.register_profile("any machine", deadline=None, max_examples=30)
settings.register_profile("thorough", deadline=None, max_examples=300)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "any machine"))
