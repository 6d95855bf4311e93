"""FastAPI with asyncmy's connection pool, in two variants. In both Pydantic validates and one INSERT commits by itself.

`app` follows FastAPI's documentation. `tuned` decodes the form itself, without FastAPI's parser and parameters: the
fastest variant that was found, and an unusual one.
"""

from contextlib import asynccontextmanager
from typing import Annotated
from urllib.parse import parse_qsl

import asyncmy
from fastapi import FastAPI, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from peers.database import ADDRESS, INSERT, NAME
from pydantic import BaseModel, ConfigDict, Field, Json

AccNbr = Json[Annotated[str, Field(pattern=r"^[0-9A-Za-z._@+-]{1,32}$")]]
Grade = Json[Annotated[int, Field(ge=1, le=5)]]
Remark = Json[Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*$")]]


class Rating(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    acc_nbr: AccNbr
    grade1: Grade
    grade2: Grade
    grade3: Grade
    txt1: Remark
    txt2: Remark
    txt3: Remark


@asynccontextmanager
async def lifespan(app):
    async with asyncmy.create_pool(
        **ADDRESS, database=NAME, charset="utf8mb4", autocommit=True, minsize=10, maxsize=16
    ) as pool:
        app.state.pool = pool
        yield


async def store(app, rating):
    async with app.state.pool.acquire() as connection, connection.cursor() as cursor:
        await cursor.execute(INSERT, tuple(rating.__dict__.values()))
    return JSONResponse("数据提交成功")


app = FastAPI(lifespan=lifespan)


@app.exception_handler(RequestValidationError)
async def refuse(request, error):
    return JSONResponse("数据提交失败", 400)


@app.post("/score")
async def score(request: Request, rating: Annotated[Rating, Form()]):
    return await store(request.app, rating)


tuned = FastAPI(lifespan=lifespan)


@tuned.post("/score")
async def score_tuned(request: Request):
    try:
        rating = Rating.model_validate(dict(parse_qsl((await request.body()).decode())))
    except ValueError:
        return JSONResponse("数据提交失败", 400)
    return await store(request.app, rating)
