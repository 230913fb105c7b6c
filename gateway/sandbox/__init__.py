"""Sandbox: a source's own script, run in a process that can do nothing but compute.

Takes Script, the head and the body of a request; gives Outcome. Two sides, two lists of modules:

    the gateway's side     pool (read this first) · channel (one child) · watchdog · health · alone (turns) ·
                           children, memory, descriptors (how many) · nursery, forkserver, codes (births) ·
                           proof (of the wall)
    the child's side       server (forks) · child (its loop) · runner (one request) · language, compiler, guards,
                           reach (what a script may say and touch) · lockdown, landlock, seccomp (the wall), selftest
    both                   script · limits · outcome · stage · wire

RestrictedPython is the fence that gives good messages; the wall is the process. It never trusts what
comes back from a child, and never lets script text be parsed before the wall stands.
"""
