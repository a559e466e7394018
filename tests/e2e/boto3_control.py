"""boto3 against a running server: the control plane, operation by operation.

ENDPOINT is the server's address. It has one view, `parcel`.
"""

import json
import os
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timezone

import boto3
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

ENDPOINT = os.environ["ENDPOINT"]
INSTANCE = os.environ["INSTANCE"]
FLOW = os.environ["FLOW"]
KEY, SECRET = os.environ["ACCESS_KEY"], os.environ["SECRET"]
EVENT = "application/vnd.amazonaws.connect.event."
INTERACTIVE = "application/vnd.amazonaws.connect.message.interactive"
# A server that is well answers the first time.
NO_RETRIES = {"retries": {"total_max_attempts": 1}}

connect = boto3.client(
    "connect",
    endpoint_url=ENDPOINT,
    region_name="us-west-2",
    aws_access_key_id=KEY,
    aws_secret_access_key=SECRET,
    config=Config(parameter_validation=False, **NO_RETRIES),
)
participant = boto3.client(
    "connectparticipant",
    endpoint_url=ENDPOINT,
    region_name="us-west-2",
    config=Config(signature_version=UNSIGNED, **NO_RETRIES),
)


def start(**more):
    details = {
        "InstanceId": INSTANCE,
        "ContactFlowId": FLOW,
        "ParticipantDetails": {"DisplayName": "Customer"},
    }
    return connect.start_chat_contact(**{**details, **more})


def stop(contact):
    connect.stop_contact(InstanceId=INSTANCE, ContactId=contact)


def describe(contact):
    return connect.describe_contact(InstanceId=INSTANCE, ContactId=contact)["Contact"]


def connected(**more):
    """A customer who is there: contact and connection token."""
    started = start(**more)
    connection = participant.create_participant_connection(
        Type=["CONNECTION_CREDENTIALS"],
        ParticipantToken=started["ParticipantToken"],
        ConnectParticipant=True,
    )
    return started["ContactId"], connection["ConnectionCredentials"]["ConnectionToken"]


def ours(path, body):
    """Calls an endpoint of ours, signed as boto3 signs."""
    request = AWSRequest("POST", ENDPOINT + path, data=json.dumps(body))
    request.headers["Content-Type"] = "application/json"
    SigV4Auth(Credentials(KEY, SECRET), "connect", "us-west-2").add_auth(request)
    # boto3 takes the authority to trust from the environment; its parts do not.
    trusted = os.environ.get("AWS_CA_BUNDLE", True)
    response = URLLib3Session(verify=trusted).send(request.prepare())
    return response.status_code, json.loads(response.content)


def wait_for(token, found):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        page = participant.get_transcript(ConnectionToken=token, MaxResults=100)
        item = next((item for item in page["Transcript"] if found(item)), None)
        if item:
            return item
        time.sleep(0.02)
    raise AssertionError(page)


def wait_for_event(token, name):
    return wait_for(token, lambda item: item["ContentType"] == EVENT + name)


class Refusals(unittest.TestCase):
    def refused(self, code, status, call, **arguments):
        with self.assertRaises(ClientError) as caught:
            call(**arguments)
        error = caught.exception
        self.assertEqual(error.response["Error"]["Code"], code, error)
        self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], status)
        # boto3 knows the error as one of this client's.
        self.assertIsInstance(error, getattr(connect.exceptions, code, ClientError))
        return error.response["Error"]["Message"]


class Starting(Refusals):
    def test_what_a_start_says_is_described(self):
        segment = {
            "visits": {"ValueInteger": 3},
            "seen": {"ValueList": [{"ValueString": "a"}]},
            "connect:CustomerAuthentication": {
                "ValueMap": {"Status": {"ValueString": "AUTHENTICATED"}}
            },
        }
        contact, token = connected(
            SegmentAttributes=segment,
            CustomerId="customer-7",
            ParticipantConfiguration={"ResponseMode": "COMPLETE"},
        )
        participant.send_message(
            ContentType="text/plain", Content="hello", ConnectionToken=token
        )
        described = describe(contact)
        self.assertEqual(described["SegmentAttributes"], segment)
        self.assertEqual(described["CustomerId"], "customer-7")
        metrics = described["ChatMetrics"]
        self.assertEqual(metrics["CustomerMetrics"]["MessagesSent"], 1)
        self.assertEqual(metrics["CustomerMetrics"]["ParticipantType"], "CUSTOMER")
        now = datetime.now(timezone.utc)
        for moment in (
            metrics["CustomerMetrics"]["LastMessageTimestamp"],
            described["ConnectedToSystemTimestamp"],
        ):
            self.assertLess(abs((now - moment).total_seconds()), 60)

    def test_members_that_do_not_fit_are_named(self):
        for member, value in (
            ("CustomerId", "x" * 129),
            ("ChatDurationInMinutes", 59),
            ("ChatDurationInMinutes", 10_081),
            ("SupportedMessagingContentTypes", ["text/markdown"]),
            ("Attributes", {"a b": "c"}),
            ("SegmentAttributes", {"a": {}}),
            ("ClientToken", "x" * 501),
        ):
            message = self.refused("InvalidParameterException", 400, start, **{member: value})
            self.assertTrue(message.startswith(member), message)
        self.refused("InvalidRequestException", 400, start, CustomerId=7)
        self.refused("ResourceNotFoundException", 404, start, InstanceId="elsewhere")


class Keeping(Refusals):
    def test_attributes(self):
        contact = start(Attributes={"plan": "gold", "city": "Ulm"})["ContactId"]
        stop(contact)
        connect.update_contact_attributes(
            InstanceId=INSTANCE, InitialContactId=contact, Attributes={"city": "", "age": "7"}
        )
        kept = connect.get_contact_attributes(InstanceId=INSTANCE, InitialContactId=contact)
        self.assertEqual(kept["Attributes"], {"plan": "gold", "city": "", "age": "7"})
        self.refused(
            "InvalidParameterException",
            400,
            connect.update_contact_attributes,
            InstanceId=INSTANCE,
            InitialContactId=contact,
            Attributes={"a": "x" * 32_768},
        )
        self.refused(
            "ResourceNotFoundException",
            404,
            connect.get_contact_attributes,
            InstanceId=INSTANCE,
            InitialContactId="nobody",
        )
        self.refused(
            "ContactNotFoundException",
            410,
            connect.stop_contact,
            InstanceId=INSTANCE,
            ContactId=contact,
        )

    def test_details_and_references(self):
        contact = start()["ContactId"]
        names = {"InstanceId": INSTANCE, "ContactId": contact}
        connect.update_contact(
            Name="Parcel",
            Description="Where is it?",
            References={
                "shop": {"Type": "URL", "Value": "https://example.org"},
                "order": {"Type": "NUMBER", "Value": "7"},
            },
            **names,
        )
        described = describe(contact)
        self.assertEqual((described["Name"], described["Description"]), ("Parcel", "Where is it?"))
        listed = connect.list_contact_references(ReferenceTypes=["URL", "NUMBER"], **names)
        self.assertEqual(
            listed["ReferenceSummaryList"],
            [
                {"Number": {"Name": "order", "Value": "7"}},
                {"Url": {"Name": "shop", "Value": "https://example.org"}},
            ],
        )
        self.assertIsNone(listed.get("NextToken"))
        self.refused("InvalidRequestException", 400, connect.update_contact, **names)
        self.refused(
            "InvalidParameterException",
            400,
            connect.update_contact,
            QueueInfo={"Id": "q"},
            **names,
        )
        self.refused(
            "InvalidParameterException",
            400,
            connect.list_contact_references,
            ReferenceTypes=["HOLOGRAM"],
            **names,
        )

    def test_tags(self):
        contact = start()["ContactId"]
        names = {"InstanceId": INSTANCE, "ContactId": contact}
        connect.tag_contact(Tags={f"k{n}": "v" for n in range(6)}, **names)
        self.refused(
            "InvalidParameterException", 400, connect.tag_contact, Tags={"more": ""}, **names
        )
        connect.untag_contact(TagKeys=["k0", "k1"], **names)
        self.assertEqual(set(describe(contact)["Tags"]), {"k2", "k3", "k4", "k5"})


class Guides(Refusals):
    def test_a_view(self):
        contact, token = connected(
            SupportedMessagingContentTypes=["text/plain", INTERACTIVE]
        )
        status, shown = ours(f"/v1/contacts/{contact}/view", {"viewId": "parcel"})
        self.assertEqual(status, 200, shown)
        said = wait_for(token, lambda item: item["Id"] == shown["id"])
        content = json.loads(said["Content"])["data"]["content"]
        view = participant.describe_view(
            ViewToken=content["viewToken"], ConnectionToken=token
        )["View"]
        self.assertEqual((view["Id"], view["Version"]), ("parcel", 1))
        with self.assertRaises(participant.exceptions.ResourceNotFoundException):
            participant.describe_view(ViewToken="a/b c+d=", ConnectionToken=token)

    def test_signing_in(self):
        contact, token = connected()
        status, answer = ours(f"/v1/contacts/{contact}/sign-in", {})
        self.assertEqual(status, 200, answer)
        asked = wait_for_event(token, "authentication.initiated")
        session = json.loads(asked["Content"])["SessionId"]
        url = participant.get_authentication_url(
            SessionId=session, RedirectUri="http://127.0.0.1:1/back", ConnectionToken=token
        )["AuthenticationUrl"]

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        with self.assertRaises(urllib.error.HTTPError) as redirect:
            urllib.request.build_opener(Stay).open(f"{url}&login_hint=Jane")
        back = urllib.parse.urlparse(redirect.exception.headers["Location"])
        query = dict(urllib.parse.parse_qsl(back.query))
        connect.update_participant_authentication(
            InstanceId=INSTANCE, State=query["state"], Code=query["code"]
        )
        renamed = wait_for_event(token, "participant.displayname.updated")
        self.assertEqual(renamed["DisplayName"], "Jane")
        wait_for_event(token, "authentication.succeeded")
        self.refused(
            "ConflictException",
            409,
            connect.update_participant_authentication,
            InstanceId=INSTANCE,
            State=query["state"],
            Code=query["code"],
        )

        ours(f"/v1/contacts/{contact}/sign-in", {})
        asked = wait_for(
            token,
            lambda item: item["ContentType"] == EVENT + "authentication.initiated"
            and session not in item["Content"],
        )
        session = json.loads(asked["Content"])["SessionId"]
        participant.cancel_participant_authentication(SessionId=session, ConnectionToken=token)
        wait_for_event(token, "authentication.cancelled")


def sample(shape, depth=0):
    """Something that a shape of the model takes."""
    kind = shape.type_name
    if kind == "structure":
        members = shape.members
        return {name: sample(members[name], depth + 1) for name in shape.required_members}
    if kind == "list":
        return [sample(shape.member, depth + 1)] if depth < 6 else []
    if kind == "map":
        return {}
    if kind == "string":
        return shape.enum[0] if shape.enum else "x" * max(1, shape.metadata.get("min", 1))
    if kind in ("integer", "long"):
        return shape.metadata.get("min", 1)
    if kind in ("float", "double"):
        return 1.0
    if kind == "boolean":
        return True
    if kind == "timestamp":
        return datetime.now(timezone.utc)
    if kind == "blob":
        return b"x"
    raise AssertionError(kind)


class Everything(Refusals):
    def test_every_operation_is_offered_or_refused_by_its_name(self):
        """What it is offered or refused with says the table of operations, which has a test."""
        model = connect.meta.service_model
        refused = 0
        for name in model.operation_names:
            operation = model.operation_model(name)
            try:
                connect._make_api_call(name, sample(operation.input_shape))
            except ClientError as error:
                code = error.response["Error"]["Code"]
                modelled = {shape.name for shape in operation.error_shapes}
                self.assertIn(code, modelled, name)
                message = error.response["Error"]["Message"]
                if message == f"{name}: this server does not offer this operation":
                    refused += 1
        self.assertGreater(refused, 350)


if __name__ == "__main__":
    unittest.main()
