using System.Runtime.InteropServices;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;

namespace SampleApp.Api
{
    /// <summary>
    /// <c>GET /</c> says what the process runs on, asked at run time, so that an image shows which platform it is for:
    /// <c>{"service":"sample-app","architecture":"Arm64","os":"Debian GNU/Linux 12 (bookworm)","framework":".NET 10.0.1"}</c>.
    /// </summary>
    internal static class HomeEndpoint
    {
        public static Task AnswerAsync(HttpContext context)
        {
            return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, json =>
            {
                json.WriteString("service", "sample-app");
                json.WriteString("architecture", RuntimeInformation.ProcessArchitecture.ToString());
                json.WriteString("os", RuntimeInformation.OSDescription);
                json.WriteString("framework", RuntimeInformation.FrameworkDescription);
            });
        }
    }
}
