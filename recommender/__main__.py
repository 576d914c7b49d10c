"""`python -m recommender` is the same program as `joulefit`."""

from recommender.cli import main

if __name__ == "__main__":
    main()
