#!/usr/bin/env dotnet
#:property PublishAot=false

using System.Runtime.InteropServices;

Console.WriteLine($$"""{"architecture":"{{RuntimeInformation.ProcessArchitecture}}","arguments":{{args.Length}}}""");
