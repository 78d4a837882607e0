"""Programs are run by tests, in processes of their own; they are no tests."""

collect_ignore_glob = ["scripts/*"]
