namespace CloudTab.AppHost;

/// <summary>A shop's PC with one printer, to be started by hand: the print agent, and CUPS's test printer, whose paper is pictures in a folder.</summary>
internal static class Printing
{
    // Debian's packages cups-ipp-utils, dbus and poppler-utils.
    private static readonly string[] Programs = ["/usr/sbin/ippeveprinter", "/usr/bin/dbus-daemon", "/usr/bin/pdftoppm"];

    /// <summary>Adds both, if this machine has what the printer is made of.</summary>
    /// <param name="data">The folder for the agent's ledger and the printer's paper.</param>
    public static void AddPrinting(
        this IDistributedApplicationBuilder builder, IResourceBuilder<ProjectResource> gateway, IResourceBuilder<ParameterResource> shopkeeperKey, string data)
    {
        if (!Programs.All(File.Exists))
            return;

        var printer = builder.AddExecutable("test-printer", "/bin/sh", "../local/test-printer", "start.sh", Path.GetFullPath(Path.Combine(data, "paper")))
            .WithEndpoint(scheme: "tcp", name: "ipp", env: "PORT")
            .WithIconName("Print")
            .WithExplicitStart();

        // Not a project resource: those are what is deployed.
        var address = printer.GetEndpoint("ipp");
        builder.AddExecutable("print-agent", "dotnet", "..", BuiltProgram.PathOf("CloudTab.PrintAgent"))
            .WithEnvironment("CLOUDTAB_URL", gateway.GetEndpoint("http"))
            .WithEnvironment("CLOUDTAB_API_KEY", shopkeeperKey)
            .WithEnvironment("CLOUDTAB_PRINTERS", ReferenceExpression.Create($"ipp://{address.Property(EndpointProperty.Host)}:{address.Property(EndpointProperty.Port)}/ipp/print"))
            .WithEnvironment("CLOUDTAB_AGENT_DATA", Path.GetFullPath(Path.Combine(data, "print-agent")))
            .WithOtlpExporter()
            .WithIconName("Desktop")
            .WaitFor(printer)
            .WithExplicitStart();
    }
}
