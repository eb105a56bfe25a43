"""The audit: what is wrong with a folder of photographs, before anything is learnt from it."""

from sortline_train.audit.audit import audit_photographs
from sortline_train.audit.findings import list_findings
from sortline_train.audit.values import Audit, Finding, Group, Photograph

__all__ = ["Audit", "Finding", "Group", "Photograph", "audit_photographs", "list_findings"]
