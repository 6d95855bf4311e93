"""What a new installation still needs before it serves customers."""

from dataclasses import dataclass

from django.contrib.auth import get_user_model

from .codes import CodesFailed, available_kinds, make_cards, picture_of
from .models import Account, Grade


@dataclass(frozen=True)
class Steps:
    """Which of the first steps are done."""

    staff: bool
    dispatches: bool
    code: bool
    rating: bool

    @property
    def all_done(self) -> bool:
        return self.staff and self.dispatches and self.code and self.rating


def read_steps() -> Steps:
    return Steps(
        staff=get_user_model().objects.filter(is_active=True, is_staff=True, is_superuser=False).exists(),
        dispatches=Account.objects.exists(),
        code=bool(available_kinds()),
        rating=Grade.objects.exists(),
    )


def trial_code():
    """(dispatch, picture, problem) of a code to try: of the newest dispatch; (None, "", "") if there can be none."""
    dispatch = Account.objects.order_by("-dispatched_on", "-id").first()
    kinds = available_kinds()
    if not (dispatch and kinds):
        return None, "", ""
    [card] = make_cards([dispatch])
    try:
        return dispatch, picture_of(card, kinds[0]), ""
    except CodesFailed as error:
        return dispatch, "", str(error)
