"""What the server says about the model and about itself."""

from __future__ import annotations

from typing import Any

from lamplighter.predict import Model
from lamplighter.serving.limits import Limits
from lamplighter.version import __version__


def describe_model(model: Model, limits: Limits, *, heat: bool) -> dict[str, Any]:
    """The answer of GET /model: what it knows and takes; no paths, no data."""
    artifact = model.artifact
    preprocess = artifact.preprocess
    return {
        "lamplighter": __version__,
        "task": artifact.task,
        "network": artifact.architecture.name,
        "classes": list(artifact.classes),
        "unsure_below": artifact.unsure_below,
        "preprocess": preprocess.as_json() if preprocess else None,
        "heat": heat,
        "largest_body": limits.body,
        "largest_picture": limits.pixels,
        "largest_batch": limits.batch,
    }


def describe_api(limits: Limits) -> dict[str, Any]:
    """OpenAPI 3.1, written by hand; tests hold it against the routes."""
    refusals = {
        "400": _refusal("no picture, or one that cannot be read"),
        "401": _refusal("the token is missing or wrong"),
        "403": _refusal("asked by a page of another site"),
        "408": _refusal(f"the body took longer than {limits.body_seconds:g} seconds"),
        "413": _refusal(f"the body is larger than {limits.body:,} bytes"),
        "415": _refusal("a form or a compressed body instead of the picture itself"),
        "421": _refusal("the Host header names another server"),
        "503": _refusal("busy; try again after the seconds in Retry-After"),
    }
    heat = {
        "name": "heat", "in": "query", "required": False,
        "description": "1 adds a heat map: where the network looked",
        "schema": {"type": "string", "enum": ["0", "1"]},
    }  # fmt: skip
    one = {
        "summary": "The answer for one picture",
        "parameters": [heat],
        "requestBody": {
            "required": True,
            "description": "the file itself: JPEG, PNG, WebP, GIF, BMP, TIFF, …",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        "responses": {"200": _answer("the answer", "Prediction"), **refusals},
    }  # fmt: skip
    several = {
        "summary": f"Answers for up to {limits.batch} pictures",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}},
        },
        "responses": {"200": _answer("an answer or a reason for each", "Predictions"), **refusals},
    }
    asking = {key: refusals[key] for key in ("401", "403", "421")}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lamplighter", "version": __version__},
        "components": {
            "schemas": _schemas(limits),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
        "paths": {
            "/": {"get": _plain("The page", "text/html")},
            "/health": {"get": _plain("Whether the server answers", "application/json")},
            "/openapi.json": {"get": _plain("This description", "application/json")},
            "/model": {
                "get": {
                    "summary": "What the model is",
                    "responses": {"200": _answer("the model", "Model"), **asking},
                }
            },
            "/examples": {
                "get": {
                    "summary": "A few pictures of each class, where they are shown",
                    "responses": {"200": _answer("class → pictures", "Examples"), **asking},
                }
            },
            "/predict": {"post": one},
            "/predict/batch": {"post": several},
        },
    }


def _schemas(limits: Limits) -> dict[str, Any]:
    text, number = {"type": "string"}, {"type": "number"}
    maybe = {"type": ["number", "null"]}
    label = {
        "type": "object",
        "properties": {"label": text, "probability": number},
        "required": ["label", "probability"],
    }
    figures = {
        "label": text, "probability": maybe, "unsure": {"type": "boolean"},
        "top": {"type": "array", "items": label},
        "values": {"type": "array", "items": number},
    }  # fmt: skip
    asked = ["label", "probability", "top", "unsure"]
    entry = {"type": "object", "properties": {**figures, "error": text}}
    return {
        "Prediction": {
            "type": "object",
            "properties": {
                **figures, "seconds": number,
                "heat": {"type": ["string", "null"], "description": "a data: address of a JPEG"},
            },
            "required": [*asked, "seconds"],
        },
        "Predictions": {
            "type": "object",
            "properties": {"predictions": {"type": "array", "items": entry}, "seconds": number},
            "required": ["predictions", "seconds"],
        },
        "Batch": {
            "type": "object",
            "properties": {
                "pictures": {
                    "type": "array", "minItems": 1, "maxItems": limits.batch,
                    "items": {"type": "string", "contentEncoding": "base64"},
                }
            },
            "required": ["pictures"],
        },
        "Model": {
            "type": "object",
            "properties": {
                "task": text, "network": text, "classes": {"type": "array", "items": text},
                "unsure_below": number,
            },
            "required": ["task", "network", "classes", "unsure_below"],
        },
        "Examples": {
            "type": "object",
            "properties": {
                "examples": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "array",
                        "items": {**text, "description": "a data: address of a JPEG"},
                    },
                }
            },
            "required": ["examples"],
        },
        "Error": {
            "type": "object",
            "properties": {
                "error": {"type": "object", "properties": {"kind": text, "message": text}}
            },
            "required": ["error"],
        },
    }  # fmt: skip


def _answer(told: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": told, "content": content}


def _refusal(told: str) -> dict[str, Any]:
    return _answer(told, "Error")


def _plain(summary: str, kind: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "security": [{}],
        "responses": {"200": {"description": summary, "content": {kind: {}}}},
    }
