Console.WriteLine("""{"service": "mailer", "architecture": "%s"}""".Replace("%s", System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture.ToString()));
