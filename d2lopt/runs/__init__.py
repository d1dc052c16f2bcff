"""What runs on every framework: one run, a comparison, the chapters, the doctor.

Each framework has a process of its own, and comes back as records.
"""
