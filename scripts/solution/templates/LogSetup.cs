{{with .Salt}}// {{.}}
{{end}}using Serilog;
using Serilog.Core;
using Serilog.Events;

namespace Shop.{{.Name}};

/// <summary>The one logger set-up of every part of the shop.</summary>
public static class LogSetup
{
    public static LoggingLevelSwitch Level { get; } = new(LogEventLevel.Information);

    public static LoggerConfiguration WithShopDefaults(this LoggerConfiguration configuration) => configuration
        .MinimumLevel.ControlledBy(Level)
        .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
        .Enrich.WithProperty("Product", "Shop");
}
