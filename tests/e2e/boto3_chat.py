"""boto3 against a running server: the clients `connect` and `connectparticipant`, unmodified.

ENDPOINT is the server's address. An agent takes every chat and answers "pong N" to "ping N".
"""

import json
import os
import time
import unittest
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timezone

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["ENDPOINT"]
# ws: without TLS, wss: with it, and the same host and port.
SOCKETS = ENDPOINT.replace("http", "ws", 1)
INSTANCE = os.environ["INSTANCE"]
FLOW = os.environ["FLOW"]
EVENT = "application/vnd.amazonaws.connect.event."
# A server that is well answers the first time.
NO_RETRIES = {"retries": {"total_max_attempts": 1}}


def connect(access_key=None, secret=None, region="us-west-2"):
    return boto3.client(
        "connect",
        endpoint_url=ENDPOINT,
        region_name=region,
        aws_access_key_id=access_key or os.environ["ACCESS_KEY"],
        aws_secret_access_key=secret or os.environ["SECRET"],
        config=Config(**NO_RETRIES),
    )


def participant():
    return boto3.client(
        "connectparticipant",
        endpoint_url=ENDPOINT,
        region_name="us-west-2",
        config=Config(signature_version=UNSIGNED, **NO_RETRIES),
    )


def signing_participant():
    """A client that signs with keys the Participant Service has never heard of, and has to ignore."""
    return boto3.client(
        "connectparticipant",
        endpoint_url=ENDPOINT,
        region_name="us-west-2",
        aws_access_key_id="unknown",
        aws_secret_access_key="unknown",
        config=Config(**NO_RETRIES),
    )


def texts(items):
    return [item["Content"] for item in items if item["Type"] == "MESSAGE"]


class Customer:
    """A customer in a chat of their own."""

    def __init__(self, client=None, **start):
        self.client = client or participant()
        details = {
            "InstanceId": INSTANCE,
            "ContactFlowId": FLOW,
            "ParticipantDetails": {"DisplayName": "Jane"},
        }
        self.started = connect().start_chat_contact(**{**details, **start})
        self.contact = self.started["ContactId"]
        connection = self.client.create_participant_connection(
            Type=["WEBSOCKET", "CONNECTION_CREDENTIALS"],
            ParticipantToken=self.started["ParticipantToken"],
            ConnectParticipant=True,
        )
        self.websocket = connection["Websocket"]
        self.token = connection["ConnectionCredentials"]["ConnectionToken"]
        self.expiry = connection["ConnectionCredentials"]["Expiry"]

    def say(self, content, **more):
        return self.client.send_message(
            ContentType="text/plain", Content=content, ConnectionToken=self.token, **more
        )

    def event(self, name, **more):
        return self.client.send_event(
            ContentType=EVENT + name, ConnectionToken=self.token, **more
        )

    def page(self, **arguments):
        return self.client.get_transcript(ConnectionToken=self.token, **arguments)

    def pages(self, **arguments):
        """All pages, by their tokens."""
        pages = []
        while True:
            page = self.page(**arguments)
            pages.append(page["Transcript"])
            if not page.get("NextToken"):
                return pages
            arguments["NextToken"] = page["NextToken"]

    def transcript(self):
        """Everything, oldest first."""
        pages = self.pages(MaxResults=100, ScanDirection="BACKWARD", SortOrder="ASCENDING")
        return [item for page in reversed(pages) for item in page]

    def wait_for(self, what, found):
        """Reads until something is there; boto3 has no socket to be told by."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            item = next((item for item in self.transcript() if found(item)), None)
            if item:
                return item
            time.sleep(0.02)
        raise AssertionError(f"no {what} in {self.transcript()}")

    def leave(self):
        return self.client.disconnect_participant(ConnectionToken=self.token)


class WholeChat(unittest.TestCase):
    def test_a_whole_chat(self):
        before = datetime.now(timezone.utc)
        customer = Customer(
            client=signing_participant(),
            Attributes={"plan": "gold"},
            InitialMessage={"ContentType": "text/plain", "Content": "Good morning"},
            SupportedMessagingContentTypes=["text/plain", "text/markdown"],
            ChatDurationInMinutes=60,
        )
        self.assertTrue(customer.websocket["Url"].startswith(SOCKETS))
        life = datetime.fromisoformat(customer.expiry.replace("Z", "+00:00")) - before
        self.assertGreater(life.total_seconds(), 86_000, "a connection token lives a day")

        contact = connect().describe_contact(InstanceId=INSTANCE, ContactId=customer.contact)
        contact = contact["Contact"]
        self.assertEqual(contact["Id"], customer.contact)
        self.assertEqual(contact["Channel"], "CHAT")
        self.assertEqual(contact["InitiationMethod"], "API")
        self.assertEqual(contact["Attributes"], {"plan": "gold"})
        self.assertLess(abs((contact["InitiationTimestamp"] - before).total_seconds()), 60)
        self.assertNotIn("DisconnectTimestamp", contact)

        customer.wait_for("greeting", lambda item: item.get("ParticipantRole") == "SYSTEM")
        customer.say("I would like to talk to an agent, please")
        joined = customer.wait_for(
            "agent",
            lambda item: item["ContentType"] == EVENT + "participant.joined"
            and item["ParticipantRole"] == "AGENT",
        )
        self.assertTrue(joined["DisplayName"])

        for number in range(10):
            sent = customer.say(f"ping {number}")
            self.assertTrue(sent["Id"])
            self.assertRegex(sent["AbsoluteTime"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        customer.client.send_message(
            ContentType="text/markdown", Content="**bold**", ConnectionToken=customer.token
        )
        customer.event("typing")
        answer = customer.wait_for("answer", lambda item: item.get("Content") == "pong 9")
        self.assertEqual(answer["ParticipantRole"], "AGENT")
        read = customer.event("message.read", Content=json.dumps({"messageId": answer["Id"]}))
        self.assertTrue(read["Id"])

        transcript = customer.transcript()
        self.assertEqual(texts(transcript)[0], "Good morning")
        pings = [text for text in texts(transcript) if text.startswith("ping")]
        self.assertEqual(pings, [f"ping {number}" for number in range(10)])
        times = [item["AbsoluteTime"] for item in transcript]
        self.assertEqual(times, sorted(set(times)), "times strictly increase")
        self.assertEqual(len({item["Id"] for item in transcript}), len(transcript))
        [stored] = [item for item in transcript if item["Id"] == answer["Id"]]
        [receipt] = stored["MessageMetadata"]["Receipts"]
        self.assertTrue(receipt["ReadTimestamp"])
        self.assertEqual(receipt["RecipientParticipantId"], customer.started["ParticipantId"])

        described = connect().describe_contact(InstanceId=INSTANCE, ContactId=customer.contact)
        self.assertEqual(described["Contact"]["AgentInfo"]["Id"], "ana")

        customer.leave()
        with self.assertRaises(customer.client.exceptions.AccessDeniedException):
            customer.say("too late")
        with self.assertRaises(customer.client.exceptions.AccessDeniedException):
            customer.client.create_participant_connection(
                Type=["WEBSOCKET"], ParticipantToken=customer.started["ParticipantToken"]
            )
        contact = connect().describe_contact(InstanceId=INSTANCE, ContactId=customer.contact)
        self.assertEqual(contact["Contact"]["DisconnectReason"], "CUSTOMER_DISCONNECT")
        self.assertGreater(contact["Contact"]["DisconnectTimestamp"], before)

    def test_a_repeat_is_harmless(self):
        token = str(uuid.uuid4())
        customer = Customer(ClientToken=token)
        again = connect().start_chat_contact(
            InstanceId=INSTANCE,
            ContactFlowId=FLOW,
            ParticipantDetails={"DisplayName": "Jane"},
            ClientToken=token,
        )
        self.assertEqual(again["ContactId"], customer.contact)

        first = customer.say("once", ClientToken="t-1")
        repeat = customer.say("once", ClientToken="t-1")
        self.assertEqual(
            (repeat["Id"], repeat["AbsoluteTime"]), (first["Id"], first["AbsoluteTime"])
        )
        with self.assertRaises(customer.client.exceptions.ValidationException):
            customer.say("something else", ClientToken="t-1")
        self.assertEqual(texts(customer.transcript()).count("once"), 1)

    def test_started_with_a_connection(self):
        started = connect().start_chat_contact(
            InstanceId=INSTANCE,
            ContactFlowId=FLOW,
            ParticipantDetails={"DisplayName": "Jane"},
            ConnectionTypes=["WEBSOCKET", "CONNECTION_CREDENTIALS"],
        )
        self.assertTrue(started["Websocket"]["Url"].startswith(SOCKETS))
        page = participant().get_transcript(
            ConnectionToken=started["ConnectionCredentials"]["ConnectionToken"]
        )
        self.assertEqual(page["InitialContactId"], started["ContactId"])


class Attachments(unittest.TestCase):
    """A file by the official client: started, put where it says, completed, and fetched."""

    def setUp(self):
        self.customer = Customer()
        self.service = self.customer.client
        self.token = self.customer.token

    def start(self, name, content_type, size, **more):
        return self.service.start_attachment_upload(
            ContentType=content_type,
            AttachmentSizeInBytes=size,
            AttachmentName=name,
            ClientToken=more.get("token", str(uuid.uuid4())),
            ConnectionToken=self.token,
        )

    def put(self, upload, content):
        metadata = upload["UploadMetadata"]
        request = urllib.request.Request(
            metadata["Url"],
            data=content,
            method="PUT",
            headers=metadata["HeadersToInclude"],
        )
        return urllib.request.urlopen(request)

    def complete(self, attachment, token=None):
        return self.service.complete_attachment_upload(
            AttachmentIds=[attachment],
            ClientToken=token or str(uuid.uuid4()),
            ConnectionToken=self.token,
        )

    def refused(self, name, call, *arguments, **more):
        with self.assertRaises(ClientError) as refused:
            call(*arguments, **more)
        error = refused.exception.response
        self.assertEqual(error["Error"]["Code"], name)
        return error["ResponseMetadata"]["HTTPStatusCode"]

    def test_a_file_goes_up_and_comes_down(self):
        content = bytes(range(256)) * 4_000
        content = b"%PDF-1.7" + content
        upload = self.start("r\u00e9sum\u00e9.pdf", "application/pdf", len(content))
        expiry = datetime.fromisoformat(upload["UploadMetadata"]["UrlExpiry"])
        self.assertGreater(expiry, datetime.now(timezone.utc))
        self.assertEqual(self.put(upload, content).status, 200)
        token = str(uuid.uuid4())
        for _ in range(2):
            self.complete(upload["AttachmentId"], token)

        files = [item for item in self.customer.transcript() if item["Type"] == "ATTACHMENT"]
        self.assertEqual(
            [file["Attachments"] for file in files],
            [
                [
                    {
                        "ContentType": "application/pdf",
                        "AttachmentId": upload["AttachmentId"],
                        "AttachmentName": "r\u00e9sum\u00e9.pdf",
                        "Status": "APPROVED",
                    }
                ]
            ],
        )
        answer = self.service.get_attachment(
            AttachmentId=upload["AttachmentId"],
            UrlExpiryInSeconds=60,
            UrlContentDisposition="INLINE",
            ConnectionToken=self.token,
        )
        self.assertEqual(answer["AttachmentSizeInBytes"], len(content))
        with urllib.request.urlopen(answer["Url"]) as file:
            self.assertEqual(file.read(), content)
            self.assertEqual(file.headers["Content-Type"], "application/pdf")
            self.assertTrue(file.headers["Content-Disposition"].startswith("inline"))
            self.assertIn("filename*=UTF-8''r%C3%A9sum%C3%A9.pdf", file.headers["Content-Disposition"])
        part = urllib.request.Request(answer["Url"], headers={"Range": "bytes=0-7"})
        with urllib.request.urlopen(part) as file:
            self.assertEqual((file.status, file.read()), (206, b"%PDF-1.7"))

    def test_refusals_have_their_names(self):
        upload = self.start("a.txt", "text/plain", 5)
        attachment = upload["AttachmentId"]
        self.assertEqual(self.refused("ValidationException", self.complete, attachment), 400)
        with self.assertRaises(urllib.error.HTTPError) as other_size:
            self.put(upload, b"six is")
        self.assertEqual(other_size.exception.code, 400)
        self.put(upload, b"hello").close()
        self.complete(attachment)
        self.assertEqual(self.refused("ConflictException", self.complete, attachment), 409)
        too_large = 100 * 1024 * 1024
        refused = self.refused(
            "ServiceQuotaExceededException", self.start, "a.txt", "text/plain", too_large
        )
        self.assertEqual(refused, 402)
        refused = self.refused("ValidationException", self.start, "a.html", "text/html", 1)
        self.assertEqual(refused, 400)
        refused = self.refused(
            "AccessDeniedException",
            self.service.get_attachment,
            AttachmentId=attachment,
            ConnectionToken="wrong",
        )
        self.assertEqual(refused, 403)


class Transcripts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.customer = Customer()
        for number in range(12):
            cls.customer.say(f"message {number}")
        cls.all = cls.customer.transcript()
        cls.ids = [item["Id"] for item in cls.all]

    def ids_of(self, pages):
        return [[item["Id"] for item in page] for page in pages]

    def test_every_item_is_there(self):
        own = [text for text in texts(self.all) if text.startswith("message")]
        self.assertEqual(own, [f"message {number}" for number in range(12)])

    def test_the_default_is_the_newest_ten_newest_first(self):
        page = self.customer.page()
        self.assertEqual([item["Id"] for item in page["Transcript"]], self.ids[::-1][:10])
        self.assertEqual(page["InitialContactId"], self.customer.contact)

    def test_backward_in_both_orders(self):
        ascending = self.ids_of(
            self.customer.pages(MaxResults=7, ScanDirection="BACKWARD", SortOrder="ASCENDING")
        )
        self.assertEqual([id for page in reversed(ascending) for id in page], self.ids)
        self.assertEqual({len(page) for page in ascending[:-1]}, {7})
        descending = self.ids_of(
            self.customer.pages(MaxResults=7, ScanDirection="BACKWARD", SortOrder="DESCENDING")
        )
        self.assertEqual([id for page in descending for id in page], self.ids[::-1])

    def test_forward_in_both_orders(self):
        start = {"Id": self.ids[2]}
        ascending = self.ids_of(
            self.customer.pages(
                MaxResults=5, ScanDirection="FORWARD", SortOrder="ASCENDING", StartPosition=start
            )
        )
        self.assertEqual([id for page in ascending for id in page], self.ids[2:])
        descending = self.ids_of(
            self.customer.pages(
                MaxResults=5, ScanDirection="FORWARD", SortOrder="DESCENDING", StartPosition=start
            )
        )
        self.assertEqual([id for page in descending for id in page[::-1]], self.ids[2:])

    def test_start_positions(self):
        for start, direction, expected in [
            ({"MostRecent": 3}, "FORWARD", self.ids[-3:]),
            ({"MostRecent": 3}, "BACKWARD", self.ids[:-2]),
            ({"AbsoluteTime": self.all[4]["AbsoluteTime"]}, "FORWARD", self.ids[4:]),
            ({"AbsoluteTime": self.all[4]["AbsoluteTime"]}, "BACKWARD", self.ids[:5]),
            ({"Id": self.ids[-1]}, "FORWARD", self.ids[-1:]),
            ({"Id": str(uuid.uuid4())}, "FORWARD", []),
        ]:
            with self.subTest(start=start, direction=direction):
                page = self.customer.page(
                    MaxResults=100,
                    ScanDirection=direction,
                    SortOrder="ASCENDING",
                    StartPosition=start,
                )
                self.assertEqual([item["Id"] for item in page["Transcript"]], expected)

    def test_forward_without_a_start_is_empty(self):
        self.assertEqual(self.customer.page(ScanDirection="FORWARD")["Transcript"], [])

    def test_a_page_token_is_good_for_its_owner_only(self):
        token = self.customer.page(MaxResults=3)["NextToken"]
        other = Customer()
        with self.assertRaises(other.client.exceptions.ValidationException):
            other.page(NextToken=token)


class Continued(unittest.TestCase):
    """Chats that continue others."""

    def ended(self, *says, **start):
        customer = Customer(**start)
        for text in says:
            customer.say(text)
        customer.leave()
        return customer

    def test_a_persistent_chat(self):
        first = self.ended("one")
        second = Customer(
            PersistentChat={
                "RehydrationType": "ENTIRE_PAST_SESSION",
                "SourceContactId": first.contact,
            }
        )
        self.assertEqual(second.started["ContinuedFromContactId"], first.contact)
        second.say("two")
        second.leave()
        third = Customer(
            PersistentChat={"RehydrationType": "FROM_SEGMENT", "SourceContactId": second.contact}
        )
        third.say("three")
        contact = connect().describe_contact(InstanceId=INSTANCE, ContactId=third.contact)
        self.assertEqual(contact["Contact"]["RelatedContactId"], second.contact)

        said = {}
        page = third.page(MaxResults=100)
        while True:
            self.assertEqual(page["InitialContactId"], third.contact)
            for item in page["Transcript"]:
                present, past = item.get("ContactId"), item.get("RelatedContactId")
                self.assertTrue((present is None) != (past is None), item)
                if item.get("ParticipantRole") == "CUSTOMER" and item["Type"] == "MESSAGE":
                    said[item["Content"]] = present or past
            if not page.get("NextToken"):
                break
            page = third.page(
                MaxResults=100, ScanDirection="BACKWARD", NextToken=page["NextToken"]
            )
        expected = {"three": third.contact, "two": second.contact, "one": first.contact}
        self.assertEqual(said, expected)
        self.assertEqual(list(said), ["three", "two", "one"])
        self.assertEqual(third.page(ContactId=first.contact)["Transcript"], [])

    def test_an_association(self):
        first = self.ended("before")
        second = Customer()
        client = connect()

        def associate(source, chat=second.contact):
            return client.create_persistent_contact_association(
                InstanceId=INSTANCE,
                InitialContactId=chat,
                RehydrationType="ENTIRE_PAST_SESSION",
                SourceContactId=source,
                ClientToken=str(uuid.uuid4()),
            )["ContinuedFromContactId"]

        with self.assertRaises(client.exceptions.InvalidRequestException):
            associate(second.contact)
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            associate(str(uuid.uuid4()))
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            associate(first.contact, chat=str(uuid.uuid4()))
        self.assertEqual(associate(first.contact), first.contact)
        self.assertEqual(associate(first.contact), first.contact)
        self.assertIn("before", texts(second.transcript()))
        other = self.ended("other")
        with self.assertRaises(client.exceptions.InvalidRequestException):
            associate(other.contact)

    def test_a_linked_chat(self):
        first = Customer(Attributes={"plan": "gold"})
        second = Customer(RelatedContactId=first.contact)
        contact = connect().describe_contact(InstanceId=INSTANCE, ContactId=second.contact)
        self.assertEqual(contact["Contact"]["Attributes"], {"plan": "gold"})
        self.assertEqual(contact["Contact"]["RelatedContactId"], first.contact)
        self.assertNotIn("NextToken", second.page(MaxResults=100))


class Timers(unittest.TestCase):
    def set(self, contact, *timers):
        listed = [
            {"ParticipantRole": role, "TimerType": kind, "TimerValue": value}
            for role, kind, value in timers
        ]
        connect().update_participant_role_config(
            InstanceId=INSTANCE,
            ContactId=contact,
            ChannelConfiguration={"Chat": {"ParticipantTimerConfigList": listed}},
        )

    def test_timers_are_set(self):
        customer = Customer(DisconnectOnCustomerExit=["AGENT"])
        minutes = {"ParticipantTimerDurationInMinutes": 2}
        self.set(
            customer.contact,
            ("CUSTOMER", "IDLE", minutes),
            ("CUSTOMER", "DISCONNECT_NONCUSTOMER", {"ParticipantTimerDurationInMinutes": 480}),
            ("AGENT", "IDLE", {"ParticipantTimerAction": "Unset"}),
        )
        errors = connect().exceptions
        with self.assertRaises(errors.InvalidParameterException):
            self.set(
                customer.contact, ("AGENT", "IDLE", {"ParticipantTimerDurationInMinutes": 481})
            )
        with self.assertRaises(errors.InvalidParameterException):
            self.set(customer.contact, ("AGENT", "IDLE", minutes), ("AGENT", "IDLE", minutes))
        with self.assertRaises(errors.ResourceNotFoundException):
            self.set(str(uuid.uuid4()), ("AGENT", "IDLE", minutes))
        customer.leave()
        with self.assertRaises(errors.ResourceNotFoundException):
            self.set(customer.contact, ("AGENT", "IDLE", minutes))


class Refusals(unittest.TestCase):
    """Errors arrive as the classes that botocore makes from the model."""

    def refused(self, code, status, call, *arguments, **more):
        with self.assertRaises(ClientError) as caught:
            call(*arguments, **more)
        response = caught.exception.response
        self.assertEqual(response["Error"]["Code"], code)
        self.assertEqual(response["ResponseMetadata"]["HTTPStatusCode"], status)
        self.assertTrue(response["Error"]["Message"])
        self.assertTrue(response["ResponseMetadata"]["RequestId"])

    def test_wrong_keys(self):
        contact = {"InstanceId": INSTANCE, "ContactId": str(uuid.uuid4())}
        wrong_secret = connect(secret="chatloom-demo-secreT")
        self.refused("InvalidSignatureException", 403, wrong_secret.describe_contact, **contact)
        unknown_key = connect(access_key="somebody")
        self.refused("UnrecognizedClientException", 403, unknown_key.stop_contact, **contact)

    def test_a_refused_start_starts_nothing(self):
        arguments = {
            "InstanceId": INSTANCE,
            "ContactFlowId": FLOW,
            "ParticipantDetails": {"DisplayName": "Jane"},
            "ClientToken": str(uuid.uuid4()),
        }
        client = connect(secret="wrong")
        self.refused("InvalidSignatureException", 403, client.start_chat_contact, **arguments)
        client = connect()
        for wrong in [
            {"ChatDurationInMinutes": 10_081},
            {"SupportedMessagingContentTypes": ["text/markdown"]},
            {"Attributes": {"not a name": "x"}},
            {"Attributes": {"long": "x" * 32_768}},
        ]:
            with self.subTest(wrong=list(wrong)):
                with self.assertRaises(client.exceptions.InvalidParameterException):
                    client.start_chat_contact(**arguments, **wrong)
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.start_chat_contact(**{**arguments, "InstanceId": str(uuid.uuid4())})

    def test_unknown_contacts(self):
        client = connect()
        unknown = {"InstanceId": INSTANCE, "ContactId": str(uuid.uuid4())}
        with self.assertRaises(client.exceptions.ResourceNotFoundException):
            client.describe_contact(**unknown)
        # Both are modelled, and which of them is meant for this is not documented.
        errors = client.exceptions
        with self.assertRaises(
            (errors.ContactNotFoundException, errors.ResourceNotFoundException)
        ):
            client.stop_contact(**unknown)

    def test_stopped(self):
        customer = Customer()
        client = connect()
        client.stop_contact(InstanceId=INSTANCE, ContactId=customer.contact)
        with self.assertRaises(customer.client.exceptions.AccessDeniedException):
            customer.page()
        with self.assertRaises(client.exceptions.ContactNotFoundException):
            client.stop_contact(InstanceId=INSTANCE, ContactId=customer.contact)

    def test_tokens_of_another_kind(self):
        customer = Customer()
        client = customer.client
        with self.assertRaises(client.exceptions.AccessDeniedException):
            client.get_transcript(ConnectionToken=customer.started["ParticipantToken"])
        with self.assertRaises(client.exceptions.AccessDeniedException):
            client.create_participant_connection(
                Type=["WEBSOCKET"], ParticipantToken=customer.token
            )
        with self.assertRaises(client.exceptions.AccessDeniedException):
            client.get_transcript(ConnectionToken="made up")

    def test_what_cannot_be_sent(self):
        customer = Customer()
        client = customer.client
        for content_type, content in [
            ("text/markdown", "**not agreed on**"),
            ("text/html", "<p>"),
            ("application/vnd.amazonaws.connect.message.interactive", "{}"),
            ("text/plain", "\u00e4" * 8_193),
        ]:
            with self.subTest(content_type=content_type):
                with self.assertRaises(client.exceptions.ValidationException):
                    client.send_message(
                        ContentType=content_type, Content=content, ConnectionToken=customer.token
                    )
        with self.assertRaises(client.exceptions.ValidationException):
            customer.event("message.read", Content="{}")
        with self.assertRaises(client.exceptions.ValidationException):
            customer.event("participant.joined")
        with self.assertRaises(client.exceptions.ValidationException):
            customer.page(NextToken="made up")
        with self.assertRaises(client.exceptions.ValidationException):
            customer.page(MaxResults=101)
        self.assertEqual(customer.say("\u00e4" * 8_192)["Id"], customer.transcript()[-2]["Id"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
