"""Loki's `PushRequest`, as its `push.proto` has it."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

FIELD = descriptor_pb2.FieldDescriptorProto
MESSAGES = {
    "LabelPair": [("name", "string"), ("value", "string")],
    "Entry": [("timestamp", ".google.protobuf.Timestamp"), ("line", "string"), ("structuredMetadata", "*.logproto.LabelPair")],
    "Stream": [("labels", "string"), ("entries", "*.logproto.Entry"), ("hash", "uint64")],
    "PushRequest": [("streams", "*.logproto.Stream")],
}


def described():
    file = descriptor_pb2.FileDescriptorProto(name="push.proto", package="logproto", syntax="proto3")
    file.dependency.append(timestamp_pb2.DESCRIPTOR.name)
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (called, kind) in enumerate(fields, 1):
            label = FIELD.LABEL_REPEATED if kind.startswith("*") else FIELD.LABEL_OPTIONAL
            field = message.field.add(name=called, number=number, label=label)
            if "." in kind:
                field.type, field.type_name = FIELD.TYPE_MESSAGE, kind.lstrip("*")
            else:
                field.type = {"string": FIELD.TYPE_STRING, "uint64": FIELD.TYPE_UINT64}[kind]
    return file


pool = descriptor_pool.Default()
pool.Add(described())
PushRequest = message_factory.GetMessageClass(pool.FindMessageTypeByName("logproto.PushRequest"))
