"""What people type and see: commands, and how results are shown. Nothing heavy is imported before it is asked for."""


def main() -> None:
    """Run the command line; the entry point of the script `synthgen`."""
    from synthgen.cli.commands import main as run

    run()
