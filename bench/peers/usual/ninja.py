"""django-ninja: Pydantic validates, the ORM stores."""

from typing import Annotated

from ninja import Form, NinjaAPI, Schema
from ninja.errors import ValidationError
from pydantic import ConfigDict, Field, Json

from .models import Grade

AccNbr = Json[Annotated[str, Field(pattern=r"^[0-9A-Za-z._@+-]{1,32}$")]]
GradeValue = Json[Annotated[int, Field(ge=1, le=5)]]
Remark = Json[Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$")]]

api = NinjaAPI(openapi_url=None)


class Rating(Schema):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    acc_nbr: AccNbr
    grade1: GradeValue
    grade2: GradeValue
    grade3: GradeValue
    txt1: Remark
    txt2: Remark
    txt3: Remark


@api.exception_handler(ValidationError)
def refuse(request, error):
    return api.create_response(request, "数据提交失败", status=400)


@api.post("/score")
def score(request, rating: Form[Rating]):
    Grade.objects.create(**rating.dict())
    return "数据提交成功"
