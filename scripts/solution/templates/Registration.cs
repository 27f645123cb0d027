{{with .Salt}}// {{.}}
{{end}}using Microsoft.Extensions.DependencyInjection;

namespace Shop.{{.Name}};

/// <summary>Puts what this project offers, and what it needs of others, into the container.</summary>
public static class {{.Name}}Registration
{
    public static IServiceCollection Add{{.Name}}(this IServiceCollection services)
    {
        if (services.Any(s => s.ServiceType == typeof({{(index .Topics 0).Class}}Service)))
        {
            return services;
        }
{{range .References}}
        Shop.{{.Name}}.{{.Name}}Registration.Add{{.Name}}(services);
{{- end}}
{{- range .Topics}}
        services.AddSingleton<I{{.Class}}Repository, InMemory{{.Class}}Repository>();
        services.AddSingleton<{{.Class}}Service>();
{{- end}}
        return services;
    }
}
