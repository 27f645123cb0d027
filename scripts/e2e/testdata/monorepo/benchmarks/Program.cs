Console.WriteLine("a benchmark");
