# The provider of the resources in imports.tf. Leave this file out where a configuration has it already.
terraform {
  required_version = ">= 1.5"
  required_providers {
    heroku = {
      source  = "heroku/heroku"
      version = "~> 5.0"
    }
  }
}

# The token comes from HEROKU_API_KEY. Without the customizations, Terraform's state has the values of all config vars.
provider "heroku" {
  customizations {
    set_app_all_config_vars_in_state = false
    set_addon_config_vars_in_state   = false
  }
}
