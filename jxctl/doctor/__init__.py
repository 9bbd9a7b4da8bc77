"""What is missing on this machine, and what to type to get it.

::

    findings = examine()
    if not core_works(findings):
        for finding in findings:
            print(finding.what, finding.state, finding.fix)

`jxctl.doctor.probes` holds the questions that are asked in processes of their own, and is a program; it is
imported by nothing here.
"""

from jxctl.doctor.checks import Answer, Finding, ask, compile_everything, core_works, examine
from jxctl.doctor.installing import System, system

__all__ = ["Answer", "Finding", "System", "ask", "compile_everything", "core_works", "examine", "system"]
