"""What writes: the laws of plans, their wording, and the kernel that does both."""
