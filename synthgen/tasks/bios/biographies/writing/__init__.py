"""What words a biography: templates, the plan of a document, the kernel."""
