using CloudTab.PrintAgent;

return await Verbs.Build().Parse(args).InvokeAsync();
