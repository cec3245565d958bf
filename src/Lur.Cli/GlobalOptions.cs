using System.CommandLine;
using System.Globalization;

namespace Lur.Cli;

/// <summary>Options that every command takes, and helpers for options that several commands share.</summary>
internal static class GlobalOptions
{
    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Print the result as JSON, and progress as one JSON object a line on standard error.",
        Recursive = true,
    };

    public static readonly Option<bool> Quiet = new("--quiet", "-q")
    {
        Description = "Print results and failures only, no progress.",
        Recursive = true,
    };

    public static readonly Option<int> Device = new("--device")
    {
        Description = "Which device to use, as 'lur doctor' numbers them.",
        HelpName = "N",
        Recursive = true,
        DefaultValueFactory = _ => 0,
        CustomParser = Commands.NumberText.Parse<int>,
    };

    public static void AddTo(Command root)
    {
        root.Options.Add(Json);
        root.Options.Add(Quiet);
        Device.Validators.Add(static result =>
        {
            if (
                result.Tokens.Count > 0
                && int.TryParse(result.Tokens[0].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n)
                && n < 0
            )
                result.AddError($"--device {n} is negative; 'lur doctor' lists the devices, numbered from 0.");
        });
        root.Options.Add(Device);
    }
}
