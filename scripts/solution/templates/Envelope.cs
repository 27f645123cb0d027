{{with .Salt}}// {{.}}
{{end}}using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Shop.{{.Name}};

/// <summary>What goes over the wire: a kind and its payload.</summary>
public sealed record Envelope(string Kind, JToken Payload, DateTimeOffset SentAt)
{
    public static Envelope Of<T>(T payload, DateTimeOffset sentAt)
        where T : notnull => new(typeof(T).Name, JToken.FromObject(payload), sentAt);

    public static Envelope? Parse(string json) => JsonConvert.DeserializeObject<Envelope>(json);

    public T? Open<T>() => Payload.ToObject<T>();

    public override string ToString() => JsonConvert.SerializeObject(this, Formatting.None);
}
