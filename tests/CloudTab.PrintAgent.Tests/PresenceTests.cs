using CloudTab.Client;
using CloudTab.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace CloudTab.PrintAgent.Tests;

/// <summary>What the shop hears of an agent and its printers.</summary>
[Collection(RelayCollection.Name)]
public sealed class PresenceTests(RunningRelay relay) : AgentPartsTests(relay)
{
    /// <summary>The relay takes no report with a word that is no keyword of IPP.</summary>
    [Fact]
    public async Task The_shop_hears_of_a_printer_also_if_it_says_something_odd()
    {
        Way.IsOdd = true;
        using var presence = new Presence(Relay.Client, Printers, Options.Create(Settings), TimeProvider.System, NullLogger<Presence>.Instance);
        await presence.StartAsync(Token);

        await Eventually.HoldsAsync(
            async () => (await Relay.Client.Shop.GetAgentsAsync(Token)).SelectMany(agent => agent.Printers).Any(printer => printer is { State: PrinterStates.Idle } && printer.Uri == Way.Address),
            "the shop hears of it", Limit, Token);
        await presence.StopAsync(Token);
    }

    [Theory]
    [InlineData(nameof(AutoPrint.True), AutoPrints.All)]
    [InlineData(nameof(AutoPrint.Paid), AutoPrints.Paid)]
    [InlineData(nameof(AutoPrint.False), AutoPrints.None)]
    public async Task The_shop_hears_which_jobs_are_printed_by_themselves(string setting, string told)
    {
        Settings.AutoPrint = Enum.Parse<AutoPrint>(setting);
        using var presence = new Presence(Relay.Client, Printers, Options.Create(Settings), TimeProvider.System, NullLogger<Presence>.Instance);
        await presence.StartAsync(Token);

        await Eventually.HoldsAsync(
            async () => (await Relay.Client.Shop.GetAgentsAsync(Token)).Any(agent => agent.AutoPrint == told && agent.Printers.Any(printer => printer.Uri == Way.Address)),
            "the shop hears of it", Limit, Token);
        await presence.StopAsync(Token);
    }

    /// <summary>As when its plug is pulled: no connection is reset.</summary>
    [Fact]
    public async Task The_shop_hears_of_a_printer_that_falls_silent_long_before_its_time_limit()
    {
        using var presence = new Presence(Relay.Client, Printers, Options.Create(Settings), TimeProvider.System, NullLogger<Presence>.Instance);
        using var job = Printer.Enter();
        await presence.StartAsync(Token);
        await IsSeenAsync(PrinterStates.Idle);
        var power = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Way.Held = (null, power.Task);

        await IsSeenAsync(PrinterStates.Offline);
        power.SetResult();
        await IsSeenAsync(PrinterStates.Idle);
        await presence.StopAsync(Token);

        // Its time limit, and the pause between reports of what has not changed, are 30 s.
        Task IsSeenAsync(string state) => Eventually.HoldsAsync(
            async () => (await Relay.Client.Shop.GetAgentsAsync(Token)).SelectMany(agent => agent.Printers).Any(printer => printer.State == state && printer.Uri == Way.Address),
            $"the shop sees it {state}", TimeSpan.FromSeconds(15), Token);
    }

    [Fact]
    public async Task A_printer_that_takes_no_jobs_is_one_that_is_stopped_to_the_shop()
    {
        Way.TakesJobs = false;
        using var presence = new Presence(Relay.Client, Printers, Options.Create(Settings), TimeProvider.System, NullLogger<Presence>.Instance);
        await presence.StartAsync(Token);

        await Eventually.HoldsAsync(
            async () => (await Relay.Client.Shop.GetAgentsAsync(Token)).SelectMany(agent => agent.Printers).Any(printer => printer is { State: PrinterStates.Stopped } && printer.Uri == Way.Address),
            "the shop hears of it", Limit, Token);
        await presence.StopAsync(Token);
    }
}
