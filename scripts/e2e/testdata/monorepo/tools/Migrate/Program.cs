Console.WriteLine("a tool");
