using Worker;

var builder = Host.CreateApplicationBuilder(args);

// Standard output is for the worker's one line.
builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
builder.Services.AddHostedService<FactsWorker>();

builder.Build().Run();
