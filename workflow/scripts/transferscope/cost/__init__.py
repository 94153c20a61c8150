"""What a config costs before it runs: jobs, operations, hours on a GPU and bytes on disk, derived and not measured."""
