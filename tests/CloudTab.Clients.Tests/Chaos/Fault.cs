namespace CloudTab.Clients.Tests.Chaos;

/// <summary>What a network does to one request.</summary>
internal enum Fault
{
    /// <summary>It arrives, and its answer too.</summary>
    None,

    /// <summary>Both ends are closed, in order: what was sent before arrives.</summary>
    Cut,

    /// <summary>Both ends get a reset (RST): bytes that the other end has not read yet are lost.</summary>
    Reset,

    /// <summary>Nothing moves for a while, and then it goes on.</summary>
    Stall,

    /// <summary>The client has left the network, as a phone in a tunnel: its end is closed, and the relay does not notice.</summary>
    Vanish,

    /// <summary>The request arrives whole, and the connection breaks before the answer.</summary>
    LoseAnswer,

    /// <summary>
    /// The request arrives twice. TCP delivers no byte twice, so a duplicate is a request that somebody sends again: a proxy that
    /// considers a connection dead, opens another one, replays what it buffered of the request, and continues with the rest of
    /// it. (RFC 9110, 9.2.2: "A proxy MUST NOT automatically retry non-idempotent requests." They do.) The first connection is still
    /// open for a while: the relay works on both at once.
    /// </summary>
    Duplicate,
}

/// <summary>What happens to one request, and where.</summary>
/// <param name="Kind">What.</param>
/// <param name="At">How many bytes of its body come through before.</param>
/// <param name="Pause">How long a stall takes, and how long a duplicated connection stays open.</param>
internal sealed record PlannedFault(Fault Kind, long At, TimeSpan Pause)
{
    private const double MeanDistance = 12 << 20;

    private static readonly Fault[] Kinds = [Fault.Cut, Fault.Reset, Fault.Stall, Fault.Vanish, Fault.LoseAnswer, Fault.Duplicate];

    /// <summary>One request in five meets a fault, large ones more often: it is as likely in each byte.</summary>
    /// <param name="chance">The run's dice for this request.</param>
    /// <param name="length">Bytes of its body.</param>
    public static PlannedFault Draw(Random chance, long length)
    {
        var kind = Kinds[chance.Next(Kinds.Length)];
        var pause = TimeSpan.FromMilliseconds(chance.Next(200, 2_000));
        var distance = -MeanDistance * Math.Log(1 - chance.NextDouble());
        if (distance < length)
            return new(kind, (long)distance, pause);
        return chance.NextDouble() < 0.2 ? new(kind, (long)(chance.NextDouble() * length), pause) : new(Fault.None, 0, pause);
    }
}
