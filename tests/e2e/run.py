#!/usr/bin/python3
"""run.py [NAME...]: the end-to-end tests, or those of test_NAME.py."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)


def main():
    names = [n.removeprefix("test_").removesuffix(".py") for n in sys.argv[1:]]
    names = names or sorted(f[5:-3] for f in os.listdir(HERE)
                            if f.startswith("test_") and f.endswith(".py"))
    loader = unittest.TestLoader()
    suite = unittest.TestSuite(loader.loadTestsFromName("test_" + n)
                               for n in names)
    result = unittest.TextTestRunner(verbosity=2, durations=None).run(suite) \
        if sys.version_info >= (3, 12) else \
        unittest.TextTestRunner(verbosity=2).run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad - len(result.skipped)} passed, {bad} failed,"
          f" {len(result.skipped)} skipped")
    return 0 if bad == 0 and result.testsRun > 0 else 1


sys.exit(main())
