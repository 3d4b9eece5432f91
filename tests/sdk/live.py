"""OpenAI's Realtime and Gemini's live API over a WebSocket connection, as an upstream: it answers each `response.create`, and the end
of each turn, with everything that it is told to say, a letter in each message."""

import json
import threading

from websockets.sync.server import serve


class Live:
    def __init__(self):
        self.server = serve(self.talk, "127.0.0.1", 0)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.socket.getsockname()[1]}"
        self.reset()

    def reset(self):
        self.received, self.said, self.requests, self.breaks_off = [], "hello", [], False

    def talk(self, connection):
        self.requests.append(connection.request)
        if "BidiGenerateContent" in connection.request.path:
            return self.talk_gemini(connection)
        events = iter(range(1 << 30))

        def send(kind, **fields):
            connection.send(json.dumps({"type": kind, "event_id": f"event_{next(events)}", **fields}))

        session = {"type": "realtime", "object": "realtime.session", "id": "sess_1", "model": "gpt-realtime"}
        send("session.created", session=session)
        for message in connection:
            self.received.append(message)
            event = json.loads(message)
            if event["type"] == "session.update":
                send("session.updated", session=session | event["session"])
            if event["type"] == "conversation.item.create":
                send("conversation.item.added", previous_item_id=None, item=event["item"] | {"id": "item_0"})
            if event["type"] == "response.create":
                if self.breaks_off:
                    place = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
                    for letter in self.said[:-1]:
                        send("response.output_text.delta", **place, delta=letter)
                    connection.socket.shutdown(2)
                    return
                self.respond(send)

    def respond(self, send):
        send("response.created", response={"object": "realtime.response", "id": "resp_1", "status": "in_progress"})
        for letter in self.said:
            place = {"item_id": "item_0", "content_index": 0}
            send("conversation.item.input_audio_transcription.delta", **place, delta=letter)
        usage = {"type": "duration", "seconds": 1}
        send("conversation.item.input_audio_transcription.completed", **place, transcript=self.said, usage=usage)
        kinds = [("response.output_text", "text"), ("response.output_audio_transcript", "transcript")]
        kinds += [("response.function_call_arguments", "arguments")]
        for at, (kind, member) in enumerate(kinds):
            said = json.dumps({"note": self.said}) if member == "arguments" else self.said
            place = {"response_id": "resp_1", "item_id": f"item_{at + 1}", "output_index": at}
            if member == "arguments":
                item = {"id": place["item_id"], "type": "function_call", "name": "note", "call_id": "call_1", "arguments": ""}
                send("response.output_item.added", response_id="resp_1", output_index=at, item=item)
            place |= {"call_id": "call_1"} if member == "arguments" else {"content_index": 0}
            for letter in said:
                send(f"{kind}.delta", **place, delta=letter)
                if member == "transcript":
                    send("response.output_audio.delta", **place, delta="UklGRiQAAABXQVZFZm10IBAAAAABAAEA" * 4)
            send(f"{kind}.done", **place, **{member: said}, **({"name": "note"} if member == "arguments" else {}))
        send("response.done", response={"object": "realtime.response", "id": "resp_1", "status": "completed"})

    def talk_gemini(self, connection):
        """Its messages are JSON in binary frames; members of what it is sent may be called as in JSON or as in protobuf."""

        def send(**message):
            connection.send(json.dumps(message).encode())

        for message in connection:
            self.received.append(message)
            event = json.loads(message)
            if "setup" in event:
                send(setupComplete={"sessionId": "s-1"})
            if (event.get("clientContent") or event.get("client_content") or {}).get("turnComplete"):
                for letter in self.said[:-1] if self.breaks_off else self.said:
                    send(serverContent={"modelTurn": {"parts": [{"text": letter}]}})
                if self.breaks_off:
                    connection.socket.shutdown(2)
                    return
                self.end_turn(send)

    def end_turn(self, send):
        sound = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "UklGRiQAAABXQVZFZm10IBAAAAABAAEA" * 4}}
        for letter in self.said:
            send(serverContent={"outputTranscription": {"text": letter}})
            send(serverContent={"modelTurn": {"parts": [sound]}})
        send(toolCall={"functionCalls": [{"id": "call_0", "name": "note", "args": {"note": self.said}}]})
        send(serverContent={"generationComplete": True})
        send(serverContent={"turnComplete": True}, usageMetadata={"totalTokenCount": 18})
