Imports System
Imports System.Runtime.InteropServices
Imports System.Text.Json

Module Program
    Sub Main()
        Console.WriteLine(JsonSerializer.Serialize(New With {
            .language = "Visual Basic",
            .architecture = RuntimeInformation.ProcessArchitecture.ToString()
        }))
    End Sub
End Module
