using System;
using System.Buffers;
using System.Text.Json;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;

namespace SampleApp.Api
{
    /// <summary>
    /// Writes one JSON object as the whole answer. By hand rather than with JsonSerializer: that needs reflection, which a
    /// trimmed or natively compiled app does not have, or a source generator, which SDK 3.1 does not have.
    /// </summary>
    internal static class JsonAnswer
    {
        /// <param name="writeProperties">Writes the properties of the object; its braces are written around them.</param>
        public static Task WriteAsync(HttpContext context, int statusCode, Action<Utf8JsonWriter> writeProperties)
        {
            var body = new ArrayBufferWriter<byte>();
            using (var json = new Utf8JsonWriter(body))
            {
                json.WriteStartObject();
                writeProperties(json);
                json.WriteEndObject();
            }

            context.Response.StatusCode = statusCode;
            context.Response.ContentType = "application/json; charset=utf-8";
            context.Response.ContentLength = body.WrittenCount;
            return context.Response.Body.WriteAsync(body.WrittenMemory, context.RequestAborted).AsTask();
        }
    }
}
