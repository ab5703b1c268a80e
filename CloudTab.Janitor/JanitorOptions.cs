namespace CloudTab.Janitor; internal sealed class JanitorOptions;
