"""The desk: what happens before a session and after it. Reads and judges what was asked, starts the simulator, and says
what a session came to. The loop that keeps a patient safe is `controller`, below.
"""
