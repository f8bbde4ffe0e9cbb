"""The pages on which runs are read and changes are decided. Rendered here, whole without JavaScript."""
