"""boto3: a bot over HTTP that asks to sign in, a custom participant, and a stream."""

import json
import os
import sys
import time

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["ENDPOINT"]
INSTANCE = os.environ["INSTANCE"]
NO_RETRIES = {"retries": {"total_max_attempts": 1}}
PATIENCE = 60

connect = boto3.client(
    "connect",
    endpoint_url=ENDPOINT,
    region_name="us-west-2",
    aws_access_key_id=os.environ["ACCESS_KEY"],
    aws_secret_access_key=os.environ["SECRET"],
    config=Config(**NO_RETRIES),
)
participant = boto3.client(
    "connectparticipant",
    endpoint_url=ENDPOINT,
    region_name="us-west-2",
    config=Config(signature_version=UNSIGNED, **NO_RETRIES),
)


def start(flow, **more):
    return connect.start_chat_contact(
        InstanceId=INSTANCE,
        ContactFlowId=flow,
        ParticipantDetails={"DisplayName": "Jane"},
        **more,
    )


def join(token):
    connection = participant.create_participant_connection(
        Type=["CONNECTION_CREDENTIALS"], ConnectParticipant=True, ParticipantToken=token
    )
    return connection["ConnectionCredentials"]["ConnectionToken"]


def say(token, content):
    participant.send_message(ContentType="text/plain", Content=content, ConnectionToken=token)


def messages(token):
    page = participant.get_transcript(MaxResults=100, SortOrder="ASCENDING", ConnectionToken=token)
    return [item["Content"] for item in page["Transcript"] if item["Type"] == "MESSAGE"]


def expect(token, expected):
    until = time.monotonic() + PATIENCE
    while messages(token) != expected:
        assert time.monotonic() < until, (messages(token), expected)
        time.sleep(0.05)


def session(token):
    """Waits until the customer is asked to sign in."""
    until = time.monotonic() + PATIENCE
    while True:
        page = participant.get_transcript(MaxResults=100, ConnectionToken=token)
        asked = [it for it in page["Transcript"] if "authentication.initiated" in it["ContentType"]]
        if asked:
            return json.loads(asked[0]["Content"])["SessionId"]
        assert time.monotonic() < until, page["Transcript"]
        time.sleep(0.05)


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError(f"{code} was expected")


# The bot of examples/bot.
jane = join(start(os.environ["FLOW"])["ParticipantToken"])
expect(jane, ["Hello, Jane!"])
say(jane, "one two")
said = ["Hello, Jane!", "one two", "You said: one two"]
expect(jane, said)
say(jane, "sign in")
participant.cancel_participant_authentication(SessionId=session(jane), ConnectionToken=jane)
said += ["sign in", "Then I go on without knowing you."]
expect(jane, said)
say(jane, "an agent, please")
expect(jane, [*said, "an agent, please", "One moment, I am getting somebody."])

# A stream, and a custom participant, in a chat whose flow has nobody.
streaming = {"StreamingEndpointArn": os.environ["ARN"]}
started = start(os.environ["OTHER_FLOW"])
here = {"InstanceId": INSTANCE, "ContactId": started["ContactId"]}
unknown = {"StreamingEndpointArn": "arn:aws:sns:us-west-2:000000000000:nobody"}
refused(
    "ResourceNotFoundException",
    connect.start_contact_streaming,
    **here,
    ChatStreamingConfiguration=unknown,
    ClientToken="first",
)
stream = connect.start_contact_streaming(
    **here, ChatStreamingConfiguration=streaming, ClientToken="second"
)["StreamingId"]
jane = join(started["ParticipantToken"])
say(jane, "hello")
details = {"ParticipantRole": "CUSTOM_BOT", "DisplayName": "Robo"}
added = connect.create_participant(**here, ClientToken="third", ParticipantDetails=details)
refused(
    "ServiceQuotaExceededException",
    connect.create_participant,
    **here,
    ClientToken="fourth",
    ParticipantDetails=details,
)
robo = join(added["ParticipantCredentials"]["ParticipantToken"])
say(robo, "I am a bot")
say(jane, "last words")
expect(robo, ["hello", "I am a bot", "last words"])
# Until somebody says that the stream has told all of it.
print("said", flush=True)
sys.stdin.readline()
connect.stop_contact_streaming(**here, StreamingId=stream)
refused(
    "ResourceNotFoundException", connect.stop_contact_streaming, **here, StreamingId=stream
)
