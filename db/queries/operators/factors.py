"""Second factors of operators, who must have one."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from db.models import Operator, OperatorFactor, OperatorRecoveryCode
from db.queries.sign_in.factors import Factors


class OperatorFactors(Factors[OperatorFactor, OperatorRecoveryCode]):
    """The second factors of operators."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session, OperatorFactor, OperatorRecoveryCode, Operator, "operator_id")
