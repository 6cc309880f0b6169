# Made from the command table; bash accepts it.
$ hayate completion bash | bash -n

$ for shell in bash zsh fish; do hayate completion $shell | grep -c features | sed "s/[1-9].*/$shell/"; done
bash
zsh
fish

$ hayate completion tcsh
stderr> error: ...tcsh...
stderr>    at: ...
stderr>   try: ...bash...zsh...fish...
exit 2
