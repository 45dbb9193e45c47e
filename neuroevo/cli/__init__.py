"""The command line."""


def main() -> None:
    """Run the command that was typed."""
    from neuroevo.cli.main import main as run

    run()
