#include "exporter/config/command_line.h"

#include <algorithm>
#include <cstddef>
#include <tuple>
#include <utility>

#include <CLI/CLI.hpp>

namespace kubecliff {
namespace {

constexpr std::size_t kWidth = 78;
constexpr std::size_t kIndent = 8;

constexpr std::string_view kSynopsis = R"(Usage:
  kubecliff [OPTION]...
  kubecliff report [--output=FORMAT] [--top=N] [--url=URL] [OPTION]...
  kubecliff watch [--every=DURATION] [--top=N] [--url=URL] [OPTION]...
  kubecliff probe [OPTION]...
  kubecliff check-config FILE
  kubecliff preflight --to=MODE [--output=FORMAT] [OPTION]...
  kubecliff evidence [--output-file=FILE] [--full] [--redact] [--url=URL]
                     [OPTION]...
  kubecliff alert rules [OPTION]...
  kubecliff alert test [--severity=SEVERITY] [OPTION]...
  kubecliff canary [OPTION]...
  kubecliff healthcheck [OPTION]...
  kubecliff simulate [--services=LIST] [--output=FORMAT] [OPTION]...

Serves this node's Service dataplane, its iptables rules and its connection
tracking as Prometheus metrics on :9909. Reads the kernel, changes nothing.
CAP_NET_ADMIN is all that it needs; of what it has, it gives up what its
collectors do not use.

Commands:
  report [--output=text|json|markdown] [--top=N] [--url=URL]
        Say on one screen what this node is, how big that is beside its bounds,
        what an update and a connection cost, what is worst and what to do
        next; with the N longest lists (5) of Services and flows by name, none
        with --top=0. Asks the collectors, twice within 2 seconds; with --url a
        running daemon, such as http://127.0.0.1:9909, which has watched for
        longer. The exit code tells the severity.
  watch [--every=DURATION] [--top=N] [--url=URL]
        The same, again and again in a terminal, every 5s where nothing else is
        said (1s to 1d), until q or Ctrl-C.
  probe
        Serve only the collector probe, which needs no privilege: as a pod of
        its own it sees Services as pods do. Takes the options below that are
        not of other collectors.
  check-config FILE
        Check a configuration file, and the web configuration that it names,
        without starting: exit code 0, or 2 and one line that says what is
        wrong.
  preflight --to=ipvs|nftables|ebpf [--output=text|json]
        Check whether this node is ready to carry connections to Services in
        another mode of kube-proxy, or by eBPF: the kernel and its modules,
        kube-proxy's version and configuration, what is in use and would mean
        something else, and which metrics end. Changes nothing. Takes the
        options below, of which those of the collectors matter.
  evidence [--output-file=FILE|-] [--full] [--redact] [--url=URL]
        Write what this node looks like now into one tar.gz, by default
        kubecliff-evidence-NODE-TIME.tar.gz in the current directory: report,
        metrics, conntrack, rules by class, network, settings, kernel log,
        kube-proxy's health, and a manifest with hashes and what could not be
        had. At most 32 MiB unpacked, with --full, which adds every rule, 256
        MiB. --redact puts tokens in place of addresses and names. --url asks
        the daemon that runs there for its report and metrics; of a user, as in
        http://USER:PASSWORD@HOST:9909, nothing is written. Changes nothing and
        writes over nothing.
  alert rules
        Print Prometheus rules for the checks, with the times and the bounds
        that --alerting.thresholds or the configuration file changes.
  alert test [--severity=info|warning|critical]
        Send one alert, KubecliffTest, to every receiver of --alerting.config,
        of severity info where none is given, and say what each answers: exit
        code 0 where all took it, 1 where one did not.
  canary
        Move the endpoint by which the collector propagation of all nodes
        measures how long a change of endpoints takes: a small server, of which
        one runs in a cluster. kubecliff canary --help lists its options.
  healthcheck
        Ask the daemon that runs with the same options, at the first address
        that it listens on, whether it serves: exit code 0, or 1 and one line
        that says what is wrong, within 3 seconds.
  simulate
        Measure what Services cost on this machine's kernel: write so many of
        them by the node's own tools into network namespaces that nothing else
        is in, and time it. Prints tables, curves, and where this node meets
        the bounds of the checks. Takes CAP_SYS_ADMIN and CAP_NET_ADMIN, two
        minutes and a core; changes no rule of the node. docs/simulate.md.
          --services=100,500,1000,2500,5000  how many of them
          --endpoints=10                     of each
          --backend=LIST                     of iptables-legacy, iptables-nft,
                                             nftables, ipvs: all that work here
          --output=text|json|html|svg
          --services-now=N                   instead of what is counted here
          --growth=N                         so many more each day
          --time-limit=5m                    then prints what was measured
          --load-modules                     the kernel may load modules
)";

constexpr std::string_view kEpilogue = R"(
Values:
  An option that is on or off takes --NAME, --no-NAME, --NAME=true and
  --NAME=false. A DURATION is written as in Prometheus: 500ms, 15s, 1h30m.

Configuration file:
  Every option but --config.file, under its name without the dashes, flat or
  as maps in maps. An option on the command line wins over the file.

    web.listen-address: ["10.0.0.5:9909", "127.0.0.1:9909"]
    log: {level: warn, format: json}
    collector:
      disable-defaults: true
      conntrack: true

Endpoints:
  /metrics    the metrics; ?collect[]=NAME, repeatable, for some collectors only
  /           the report of this node, as a page; /api/v1/report as JSON
  /-/healthy  answers as long as the process serves
  /-/ready    answers 200 once every collector has started; says which ones fail

Signals:
  SIGHUP      read the configuration file and the web configuration again; what
              is wrong is logged and the old configuration stays
  SIGTERM, SIGINT
              finish the requests under way and stop, within 2 seconds

Exit codes:
  0           stopped as asked; preflight: ready; report: nothing is worse
              than info
  1           could not start or go on, such as a port in use; preflight:
              blocked; report: the daemon does not answer; evidence: not
              written; simulate: not all was measured; alert test: not taken
              by all; healthcheck: no answer; any: standard output is full
  2           wrong command line or configuration
  3           preflight: cannot be told; report: nothing is known yet
  4           report: something is at warning
  5           report: something is critical

Examples:
  kubecliff
  kubecliff --web.listen-address=127.0.0.1:9909 --log.format=json
  kubecliff --collector.disable-defaults --collector.conntrack
  kubecliff --config.file=/etc/kubecliff/kubecliff.yml
  kubecliff report --top=10
  kubecliff report --url=http://127.0.0.1:9909 --output=markdown
  kubecliff preflight --to=nftables
  kubecliff evidence --redact
  kubecliff simulate --backend=nftables --output=html >simulate.html
)";

// Words of `text` in lines, each led by the indent of option descriptions.
std::string wrapped(std::string_view text) {
  std::string out;
  std::string line;
  const auto end_line = [&] {
    out += std::string(kIndent, ' ') + line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && kIndent + line.size() + 1 + word.size() > kWidth) {
      end_line();
    }
    line += line.empty() ? "" : " ";
    line += word;
  }
  end_line();
  return out;
}

std::string spelling(const Setting& setting) {
  return setting.arity == Arity::on_off ? "--[no-]" + setting.key
                                        : "--" + setting.key + "=" + setting.value_name;
}

// What CLI11 did not recognise: a flag's name, without its value, or a word.
std::string unexpected_argument(const SettingTable& table, std::string_view argument) {
  if (!argument.starts_with("-")) {
    return "expected options, check-config FILE, report, watch, evidence, preflight, simulate, "
           "alert, canary, probe or healthcheck, got \"" +
           std::string{argument} + "\"";
  }
  const std::string_view flag = argument.substr(0, argument.find('='));
  std::string message = std::string{flag} + ": expected an option that --help lists";
  const std::string_view name = flag.substr(std::min(flag.find_first_not_of('-'), flag.size()));
  const std::string_view key = suggest_key(table, name);
  if (!key.empty()) {
    message += "; did you mean --" + std::string{key} + "?";
  }
  return message;
}

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::malformed, std::move(message));
}

std::unexpected<Error> not_once(const std::string& flag, const CLI::Option& option) {
  return wrong(flag + ": expected once, got it " + std::to_string(option.count()) + " times");
}

}  // namespace

Result<CommandLine> parse_command_line(std::span<const std::string> arguments,
                                       const SettingTable& table) {
  CLI::App app;
  app.set_help_flag("-h,--help");
  app.set_version_flag("--version", "");
  app.allow_extras();  // so that we say what is wrong with them
  std::vector<std::pair<const Setting*, CLI::Option*>> options;
  for (const Setting& setting : table) {
    const bool on_off = setting.arity == Arity::on_off;
    CLI::Option* option = on_off
                              ? app.add_flag("--" + setting.key + ",!--no-" + setting.key)
                              : app.add_option("--" + setting.key)->type_name(setting.value_name);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    options.emplace_back(&setting, option);
  }
  CommandLine line;
  std::string file_to_check;
  CLI::App* check_config = app.add_subcommand("check-config");
  check_config->set_help_flag("-h,--help");
  check_config->add_option("FILE", file_to_check)->required();
  const auto add_command = [&app](std::string_view name) {
    CLI::App* command = app.add_subcommand(std::string{name});
    command->set_help_flag("-h,--help");
    command->fallthrough();
    return command;
  };
  CLI::App* preflight = add_command("preflight");
  CLI::App* report = add_command("report");
  CLI::App* watch = add_command("watch");
  CLI::App* canary = add_command(kCanaryCommand);
  CLI::App* probe = add_command(kProbeCommand);
  CLI::App* alert = add_command("alert");
  CLI::App* healthcheck = add_command("healthcheck");
  CLI::App* simulate = add_command("simulate");
  simulate->add_flag("--load-modules", line.simulate.load_modules);
  CLI::App* evidence = add_command("evidence");
  evidence->add_flag("--full", line.evidence.full);
  evidence->add_flag("--redact", line.evidence.redact);
  // Options of commands, and where each goes.
  std::vector<std::pair<CLI::Option*, std::string*>> words;
  for (const auto& [of, flag, word] :
       {std::tuple{preflight, "--to", &line.preflight.to},
        std::tuple{preflight, "--output", &line.preflight.output},
        std::tuple{report, "--output", &line.report.output},
        std::tuple{report, "--url", &line.report.url},
        std::tuple{report, "--top", &line.report.top}, std::tuple{watch, "--url", &line.report.url},
        std::tuple{watch, "--top", &line.report.top},
        std::tuple{watch, "--every", &line.report.every},
        std::tuple{alert, "ACTION", &line.alert.action},
        std::tuple{alert, "--severity", &line.alert.severity},
        std::tuple{simulate, "--services", &line.simulate.services},
        std::tuple{simulate, "--endpoints", &line.simulate.endpoints},
        std::tuple{simulate, "--backend", &line.simulate.backend},
        std::tuple{simulate, "--output", &line.simulate.output},
        std::tuple{simulate, "--services-now", &line.simulate.services_now},
        std::tuple{simulate, "--growth", &line.simulate.growth},
        std::tuple{simulate, "--time-limit", &line.simulate.time_limit},
        std::tuple{evidence, "--output-file", &line.evidence.output_file},
        std::tuple{evidence, "--url", &line.evidence.url}}) {
    CLI::Option* option = of->add_option(flag);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    words.emplace_back(option, word);
  }

  // CLI11 takes `--key= next` for `--key=next`.
  const auto valueless = std::ranges::find_if(arguments, [](const std::string& argument) {
    return argument.starts_with("--") && argument.find('=') == argument.size() - 1;
  });
  if (valueless != arguments.end()) {
    return wrong(valueless->substr(0, valueless->size() - 1) + ": expected a value, got nothing");
  }
  try {
    app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
  } catch (const CLI::CallForHelp&) {
    line.command = Command::help;
    return line;
  } catch (const CLI::CallForVersion&) {
    line.command = Command::version;
    return line;
  } catch (const CLI::RequiredError&) {
    return wrong("check-config: expected a FILE, got nothing");
  } catch (const CLI::ParseError& error) {
    return wrong(error.what());
  }
  if (const auto extras = app.remaining(true); !extras.empty()) {
    return wrong(unexpected_argument(table, extras.front()));
  }

  for (const auto& [setting, option] : options) {
    if (option->count() == 0) {
      continue;
    }
    if (option->count() > 1 && setting->arity != Arity::many && setting->arity != Arity::records) {
      return not_once("--" + setting->key, *option);
    }
    line.flags.emplace(setting->key, option->results());
  }
  if (const auto file = line.flags.find(kConfigFileKey); file != line.flags.end()) {
    line.config_file = file->second.back();
  }
  if (check_config->parsed()) {
    line.command = Command::check_config;
    line.config_file = file_to_check;
  }
  // Their options are not those of a plain start: which to read is told by the first word.
  for (const auto& [with_options, word, command] :
       {std::tuple{canary, kCanaryCommand, Command::canary},
        std::tuple{probe, kProbeCommand, Command::probe}}) {
    if (with_options->parsed() && arguments.front() != word) {
      return wrong(std::string{word} + ": expected before all options");
    }
    if (with_options->parsed()) {
      line.command = command;
    }
  }
  for (const auto& [parsed, command] :
       {std::pair{preflight, Command::preflight}, std::pair{report, Command::report},
        std::pair{watch, Command::watch}, std::pair{alert, Command::alert},
        std::pair{evidence, Command::evidence}, std::pair{healthcheck, Command::healthcheck},
        std::pair{simulate, Command::simulate}}) {
    if (parsed->parsed()) {
      line.command = command;
    }
  }
  for (const auto& [option, word] : words) {
    if (option->count() > 1) {
      return not_once(option->get_name(), *option);
    }
    if (option->count() == 1) {
      *word = option->results().front();
    }
  }
  return line;
}

std::string help_text(const SettingTable& table, std::string_view version) {
  std::string text = "kubecliff " + std::string{version} +
                     ": Prometheus exporter for a Kubernetes node's dataplane\n\n";
  text += kSynopsis;
  std::string_view group;
  for (const Setting& setting : table) {
    if (setting.group != group) {
      group = setting.group;
      text += "\n" + std::string{group} + ":\n";
    }
    text += "  " + spelling(setting);
    text += setting.default_text.empty() ? "" : "  (default: " + setting.default_text + ")";
    text += "\n" + wrapped(setting.help);
  }
  text +=
      "\nHelp:\n  -h, --help\n        Show this text.\n  --version\n        Show the version.\n";
  return text += kEpilogue;
}

}  // namespace kubecliff
